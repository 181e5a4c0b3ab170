package tests;

import javax.cache.configuration.Factory;
import javax.cache.event.CacheEntryEvent;
import javax.cache.event.CacheEntryEventFilter;

/** Makes filters of continuous queries that let values above a limit through. */
public class Above implements Factory<CacheEntryEventFilter<Object, Long>> {
    private long limit;

    @Override public CacheEntryEventFilter<Object, Long> create() {
        long over = limit;
        return (CacheEntryEvent<?, ? extends Long> event) -> event.getValue() != null && event.getValue() > over;
    }
}
