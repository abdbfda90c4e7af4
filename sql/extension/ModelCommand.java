package foretable;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Statistics;
import org.apache.spark.sql.catalyst.plans.logical.Statistics$;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.catalyst.trees.TreePattern;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.execution.command.LeafRunnableCommand;
import org.apache.spark.sql.types.*;
import org.apache.spark.unsafe.Platform;

/** A model statement: runs once, in the caller's session, and gives the rows that Python answers. */
public class ModelCommand extends LogicalPlan implements LeafRunnableCommand {
  static final ObjectMapper JSON = new ObjectMapper();
  public final String statement;
  public final String title;
  public final scala.collection.immutable.Seq columns;
  private scala.collection.immutable.Seq patterns;

  public ModelCommand(String statement, String title, scala.collection.immutable.Seq columns) {
    this.statement = statement;
    this.title = title;
    this.columns = columns;
    this.patterns = scala.collection.immutable.Nil$.MODULE$.$colon$colon(TreePattern.COMMAND());
  }

  /** Python's answer as a map; its refusal as an error of one sentence; an error of Spark as it is. */
  static Map ask(String verb, String statement, SparkSession session) {
    Object answer = ModelParser.statements.apply(verb + "\n" + statement, session);
    if (answer instanceof Throwable) {
      Platform.throwException((Throwable) answer);
    }
    Map read = null;
    try {
      read = (Map) JSON.readValue((String) answer, Map.class);
    } catch (java.io.IOException e) {
      throw new IllegalStateException("the answer to a model statement cannot be read", e);
    }
    if (read.get("error") != null) {
      Refusal.refuse((String) read.get("condition"), (String) read.get("error"));
    }
    return read;
  }

  public scala.collection.immutable.Seq run(SparkSession session) {
    StructField[] fields = DataTypeUtils.fromAttributes(columns).fields();
    List rows = (List) ask("run", statement, session).get("rows");
    Object[] out = new Object[rows.size()];
    for (int i = 0; i < out.length; i++) {
      Object[] values = ((List) rows.get(i)).toArray();
      for (int j = 0; j < values.length; j++) {
        values[j] = typed(values[j], fields[j].dataType());
      }
      out[i] = RowFactory.create(values);
    }
    return scala.collection.JavaConverters.asScalaBuffer(Arrays.asList(out)).toList();
  }

  static Object typed(Object value, DataType type) {
    if (value instanceof Number && type instanceof LongType) {
      return Long.valueOf(((Number) value).longValue());
    }
    if (value instanceof Number && type instanceof IntegerType) {
      return Integer.valueOf(((Number) value).intValue());
    }
    if (value instanceof Number && type instanceof DoubleType) {
      return Double.valueOf(((Number) value).doubleValue());
    }
    if (value != null && type instanceof TimestampType) {
      return java.sql.Timestamp.from(java.time.Instant.parse((String) value));
    }
    return value;
  }

  public scala.collection.immutable.Seq output() {
    return columns;
  }

  public scala.collection.immutable.Seq children() {
    return scala.collection.immutable.Nil$.MODULE$;
  }

  public TreeNode mapChildren(scala.Function1 f) {
    return this;
  }

  public TreeNode withNewChildrenInternal(scala.collection.immutable.IndexedSeq children) {
    return this;
  }

  public AttributeSet producedAttributes() {
    return outputSet();
  }

  public Statistics stats() {
    return Statistics$.MODULE$.DUMMY();
  }

  public scala.collection.immutable.Map metrics() {
    return scala.collection.immutable.Map$.MODULE$.empty();
  }

  public scala.collection.immutable.Seq nodePatterns() {
    return patterns;
  }

  public void org$apache$spark$sql$catalyst$plans$logical$Command$_setter_$nodePatterns_$eq(scala.collection.immutable.Seq given) {
    patterns = given;
  }

  public String nodeName() {
    return title;
  }

  public String argString(int maxFields) {
    return statement.length() > 200 ? statement.substring(0, 200) + "..." : statement;
  }

  public int productArity() {
    return 3;
  }

  public Object productElement(int i) {
    return i == 0 ? (Object) statement : i == 1 ? (Object) title : (Object) columns;
  }

  public boolean canEqual(Object other) {
    return other instanceof ModelCommand;
  }

  public boolean equals(Object other) {
    return this == other;
  }

  public int hashCode() {
    return System.identityHashCode(this);
  }
}
