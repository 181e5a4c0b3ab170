package tests;

import org.apache.ignite.resources.ServiceContextResource;
import org.apache.ignite.services.Service;
import org.apache.ignite.services.ServiceCallContext;
import org.apache.ignite.services.ServiceContext;

/** A service for the tests to call. */
public class Greeter implements Service {
    @ServiceContextResource
    private transient ServiceContext context;

    public String greet(String name) {
        return "Hello, " + name;
    }

    public long add(long left, long right) {
        return left + right;
    }

    public String kind(Integer value) {
        return "Integer";
    }

    public String kind(Long value) {
        return "Long";
    }

    public void fail(String reason) {
        throw new IllegalStateException(reason);
    }

    public String caller() {
        ServiceCallContext call = context.currentCallContext();
        return call == null ? null : call.attribute("caller");
    }

    @Override public void init(ServiceContext context) {
    }

    @Override public void execute(ServiceContext context) {
    }

    @Override public void cancel(ServiceContext context) {
    }
}
