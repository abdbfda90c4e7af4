package foretable;

import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PythonUDF;
import org.apache.spark.sql.catalyst.expressions.UnaryExpression;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.types.DataType;

/**
 * The value of its child, with a name: a call of predict and its family, whatever computes it.
 *
 * title names the column where a query gives no alias; call is what EXPLAIN PREDICT finds in the plan.
 */
public class Prediction extends UnaryExpression implements java.io.Serializable {
  public final Expression child;
  public final String title;
  public final String call; // foretable.predict(model/version)

  public Prediction(Expression child, String title, String call) {
    this.child = child;
    this.title = title;
    this.call = call;
  }

  public TreeNode child() {
    return child;
  }

  /** Whether the model itself is the child, not an answer of Python. */
  public boolean isExpression() {
    return !(child instanceof PythonUDF) && !(child instanceof Attribute);
  }

  public DataType dataType() {
    return child.dataType();
  }

  public boolean nullable() {
    return child.nullable();
  }

  public Object eval(InternalRow row) {
    return child.eval(row);
  }

  public ExprCode doGenCode(CodegenContext context, ExprCode code) {
    return child.genCode(context);
  }

  public TreeNode withNewChildInternal(TreeNode changed) {
    return new Prediction((Expression) changed, title, call);
  }

  public String sql() {
    return title;
  }

  public String toString() {
    return title;
  }

  public String prettyName() {
    return title;
  }

  public int productArity() {
    return 3;
  }

  public Object productElement(int i) {
    return i == 0 ? (Object) child : i == 1 ? (Object) title : (Object) call;
  }

  public boolean canEqual(Object other) {
    return other instanceof Prediction;
  }

  public boolean equals(Object other) {
    return other instanceof Prediction && child.equals(((Prediction) other).child) && title.equals(((Prediction) other).title);
  }

  public int hashCode() {
    return child.hashCode() * 31 + title.hashCode();
  }
}
