package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.analysis.UnresolvedExtractValue;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.parser.CatalystSqlParser$;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.*;

/** The fields of a STRUCT, or of an ARRAY of them, as columns of DOUBLE. */
public class FeatureColumns {
  final String function;
  final Expression features;

  public FeatureColumns(String function, Expression features) {
    this.function = function;
    this.features = features;
  }

  /** One feature as DOUBLE, or as ARRAY<DOUBLE> where features is a sequence of structs. */
  public Expression at(int position) {
    if (features.dataType() instanceof ArrayType) {
      ArrayType array = (ArrayType) features.dataType();
      StructType fields = (StructType) array.elementType();
      Expression values = new GetArrayStructFields(features, fields.apply(position), position, fields.length(), true);
      return cast(values, new ArrayType(DoubleType$.MODULE$, true));
    }
    return cast(new GetStructField(features, position, scala.None$.MODULE$), DoubleType$.MODULE$);
  }

  /** A SQL expression over the fields of the struct, as of TRANSFORM; always cast, for its type is not known yet. */
  public Expression computed(String sql) {
    StructType fields = (StructType) features.dataType();
    List names = new ArrayList();
    List columns = new ArrayList();
    for (int i = 0; i < fields.length(); i++) {
      names.add(fields.apply(i).name());
      columns.add(new GetStructField(features, i, scala.None$.MODULE$));
    }
    return new Cast(over(sql, names, columns), DoubleType$.MODULE$, zone(), EvalMode$.MODULE$.ANSI());
  }

  /** A SQL expression with the columns in the place of their names. */
  public Expression over(String sql, List names, List columns) {
    return replaced(CatalystSqlParser$.MODULE$.parseExpression(sql), names, columns);
  }

  Expression replaced(Expression e, List names, List columns) {
    if (e instanceof UnresolvedAttribute) {
      scala.collection.immutable.Seq parts = ((UnresolvedAttribute) e).nameParts();
      Expression found = named((String) parts.apply(0), names, columns);
      for (int i = 1; i < parts.length(); i++) {
        found = new UnresolvedExtractValue(found, Literal$.MODULE$.apply(parts.apply(i)));
      }
      return found;
    }
    List children = Seqs.list(e.children());
    if (children.isEmpty()) {
      return e;
    }
    for (int i = 0; i < children.size(); i++) {
      children.set(i, replaced((Expression) children.get(i), names, columns));
    }
    return (Expression) e.withNewChildren(Seqs.seq(children));
  }

  Expression named(String name, List names, List columns) {
    int exact = names.indexOf(name);
    for (int i = 0; exact < 0 && i < names.size(); i++) {
      exact = name.equalsIgnoreCase((String) names.get(i)) ? i : -1;
    }
    if (exact < 0) {
      Refusal.refuse("the model computes its features from " + name + ", which the struct given to " + function
          + " lacks: it has " + String.join(", ", (Iterable) names));
    }
    return (Expression) columns.get(exact);
  }

  static Expression cast(Expression value, DataType type) {
    return value.dataType().equals(type) ? value : new Cast(value, type, zone(), EvalMode$.MODULE$.ANSI());
  }

  static scala.Option zone() {
    return new scala.Some(SQLConf.get().sessionLocalTimeZone());
  }
}
