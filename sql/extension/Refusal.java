package foretable;

import org.apache.spark.sql.AnalysisException;
import org.apache.spark.unsafe.Platform;

/** One sentence of ours as the error of a statement. */
public class Refusal {
  /** Throws an AnalysisException; its class must be one that Spark knows, this one is a bare message. */
  public static void refuse(String sentence) {
    refuse("FORETABLE_MODEL", sentence);
  }

  public static void refuse(String condition, String sentence) {
    scala.Option none = scala.None$.MODULE$;
    String text = "[" + condition + "] " + sentence;
    scala.collection.immutable.Map parameters = (scala.collection.immutable.Map)
        ((scala.collection.immutable.Map) scala.collection.immutable.Map$.MODULE$.empty()).updated("message", text);
    Platform.throwException(new AnalysisException(text, none, none, none, new scala.Some("_LEGACY_ERROR_TEMP_3100"),
        parameters, new org.apache.spark.QueryContext[0], new scala.Some("42K0E"), none));
  }
}
