package foretable;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;

/** Expressions that have a value on every row: no division by zero, no overflow, no failing cast, and cheap. */
public class TotalExpressions {
  static boolean contains(Expression expression) {
    boolean isTotal = expression instanceof Attribute || expression instanceof Literal || expression instanceof BinaryComparison
        || expression instanceof And || expression instanceof Or || expression instanceof Not
        || expression instanceof IsNull || expression instanceof IsNotNull || expression instanceof IsNaN
        || expression instanceof In || expression instanceof InSet || expression instanceof If
        || expression instanceof CaseWhen || expression instanceof Coalesce || expression instanceof GetStructField
        || expression instanceof StringPredicate || expression instanceof Cast && widens((Cast) expression);
    List children = PlanTrees.children(expression);
    for (int i = 0; isTotal && i < children.size(); i++) {
      isTotal = contains((Expression) children.get(i));
    }
    return isTotal;
  }

  static boolean widens(Cast cast) {
    return Cast.canUpCast(((Expression) cast.child()).dataType(), cast.dataType());
  }
}
