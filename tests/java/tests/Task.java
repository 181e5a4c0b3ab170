package tests;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.ignite.Ignite;
import org.apache.ignite.compute.ComputeJob;
import org.apache.ignite.compute.ComputeJobAdapter;
import org.apache.ignite.compute.ComputeJobResult;
import org.apache.ignite.compute.ComputeTaskSplitAdapter;
import org.apache.ignite.resources.IgniteInstanceResource;

/**
 * A task that does what its argument says: "echo ..." returns the rest, "fail ..." fails with it, "sleep ..." takes so many
 * milliseconds unless it is cancelled, "nodes" counts the nodes that it may use, "deploy ..." starts a Greeter under the
 * name, anything that is no text is returned as it is.
 */
public class Task extends ComputeTaskSplitAdapter<Object, Object> {
    @Override protected Collection<? extends ComputeJob> split(int nodes, Object argument) {
        List<ComputeJob> jobs = new ArrayList<>();
        jobs.add(new Job(nodes, argument));
        return jobs;
    }

    @Override public Object reduce(List<ComputeJobResult> results) {
        return results.isEmpty() ? "not kept" : results.get(0).getData();
    }

    static class Job extends ComputeJobAdapter {
        @IgniteInstanceResource
        private transient Ignite ignite;

        private final int nodes;
        private final Object argument;

        Job(int nodes, Object argument) {
            this.nodes = nodes;
            this.argument = argument;
        }

        @Override public Object execute() {
            if (!(argument instanceof String))
                return argument;
            String[] words = ((String)argument).split(" ", 2);
            switch (words[0]) {
                case "fail":
                    throw new IllegalStateException(words[1]);
                case "sleep":
                    // A job that goes on after it was cancelled is interrupted ten seconds later.
                    long end = System.nanoTime() + Long.parseLong(words[1]) * 1_000_000;
                    try {
                        while (!isCancelled() && System.nanoTime() - end < 0)
                            Thread.sleep(10);
                    }
                    catch (InterruptedException interrupted) {
                        return "interrupted";
                    }
                    return "slept";
                case "nodes":
                    return nodes;
                case "deploy":
                    ignite.services().deployClusterSingleton(words[1], new Greeter());
                    return words[1];
                default:
                    return words[1];
            }
        }
    }
}
