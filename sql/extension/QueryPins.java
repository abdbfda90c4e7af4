package foretable;

import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.catalyst.analysis.AnalysisContext$;

/**
 * The versions that one query has settled on, so that two calls of one model in a query are the same version even
 * when a promotion comes between them. A query is told from the next by the cache of relations of its analysis,
 * which views in it share.
 */
public class QueryPins {
  static final ThreadLocal current = new ThreadLocal();

  /** name/version where this query has resolved the reference already, else the reference. */
  public static String pinned(String reference) {
    String known = (String) ofThisQuery().get(reference);
    return known == null ? reference : known;
  }

  public static void pin(String reference, String version) {
    ofThisQuery().put(reference, version);
  }

  static Map ofThisQuery() {
    Object query = AnalysisContext$.MODULE$.get().relationCache();
    Object[] held = (Object[]) current.get();
    if (held == null || ((WeakReference) held[0]).get() != query) {
      held = new Object[] {new WeakReference(query), new HashMap()};
      current.set(held);
    }
    return (Map) held[1];
  }
}
