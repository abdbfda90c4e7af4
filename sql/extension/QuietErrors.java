package foretable;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.apache.hive.service.auth.TSetIpAddressProcessor;
import org.apache.hive.service.rpc.thrift.TCLIService;
import org.apache.hive.service.rpc.thrift.TGetOperationStatusResp;
import org.apache.thrift.TProcessor;
import org.apache.thrift.TProcessorFactory;
import org.apache.thrift.server.TServer;
import org.apache.thrift.transport.TTransport;

/**
 * Lets JDBC clients see the message of an error without the server's Java stack, which Hive sends along with it.
 *
 * Stands between the wire and the running service: what the service answers is passed on, a message cut at its stack.
 */
public class QuietErrors implements InvocationHandler {
  final Object service;

  QuietErrors(Object service) {
    this.service = service;
  }

  /** Called from Python once the server listens; connections made from then on are quiet. */
  public static void install(Object service) throws Exception {
    Field field = service.getClass().getDeclaredField("server");
    field.setAccessible(true);
    for (int i = 0; i < 100 && field.get(service) == null; i++) {
      Thread.sleep(100); // the service makes it in a thread of its own
    }
    Field factory = TServer.class.getDeclaredField("processorFactory_");
    factory.setAccessible(true);
    factory.set(field.get(service), new Factory(Proxy.newProxyInstance(
        TCLIService.class.getClassLoader(), new Class[] {TCLIService.Iface.class}, new QuietErrors(service))));
  }

  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    try {
      Object answer = method.invoke(service, arguments);
      if (answer instanceof TGetOperationStatusResp) {
        TGetOperationStatusResp status = (TGetOperationStatusResp) answer;
        status.setErrorMessage(withoutStack(status.getErrorMessage()));
      }
      return answer;
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /** What the user is told: neither the names of the Java classes before it nor the frames of the stack after it. */
  static String withoutStack(String message) {
    if (message == null) {
      return null;
    }
    int stack = message.indexOf("\n\tat ");
    String told = stack < 0 ? message : message.substring(0, stack);
    return told.replaceFirst("^org\\.apache\\.hive\\.service\\.cli\\.HiveSQLException: Error running query: \\[[^\\]]*\\] [\\w.$]+: \\s*", "");
  }

  /** As Hive's own for connections without a password. */
  public static class Factory extends TProcessorFactory {
    final TCLIService.Iface service;

    Factory(Object service) {
      super(null);
      this.service = (TCLIService.Iface) service;
    }

    public TProcessor getProcessor(TTransport transport) {
      return new TSetIpAddressProcessor(service);
    }
  }
}
