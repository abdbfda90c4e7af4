package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.types.NumericType;

/** Which Python calls are ours, by the name of the function, and how one is told the rows that are wanted. */
public class ModelCalls {
  static final String PREFIX = "foretable.";
  static final String GUARDED = " where wanted"; // in the name, so that EXPLAIN shows it and no call is guarded twice

  static boolean isOurs(PythonUDF call) {
    return call.name() != null && call.name().startsWith(PREFIX);
  }

  static boolean isAnyIn(LogicalPlan plan) {
    if (!EvalNode.isIn(plan)) {
      return false;
    }
    if (EvalNode.is(plan)) {
      List calls = new EvalNode(plan).calls;
      for (int i = 0; i < calls.size(); i++) {
        if (isAnyIn((Expression) calls.get(i))) {
          return true;
        }
      }
    }
    List children = PlanTrees.children(plan);
    for (int i = 0; i < children.size(); i++) {
      if (isAnyIn((LogicalPlan) children.get(i))) {
        return true;
      }
    }
    return false;
  }

  static boolean isAnyIn(Expression expression) {
    if (expression instanceof PythonUDF && isOurs((PythonUDF) expression)) {
      return true;
    }
    List inner = callsInside(expression);
    for (int i = 0; i < inner.size(); i++) {
      if (isOurs((PythonUDF) inner.get(i))) {
        return true;
      }
    }
    return false;
  }

  /** The Python calls strictly inside an expression, outermost first. */
  static List callsInside(Expression expression) {
    List found = new ArrayList();
    List children = PlanTrees.children(expression);
    for (int i = 0; i < children.size(); i++) {
      Expression child = (Expression) children.get(i);
      if (child instanceof PythonUDF) {
        found.add(child);
      }
      found.addAll(callsInside(child));
    }
    return found;
  }

  static boolean canBeGuarded(PythonUDF call) {
    return isOurs(call) && call.deterministic() && !call.name().endsWith(GUARDED);
  }

  /**
   * The call with one more, last, BOOLEAN argument that is true where the answer is wanted.
   *
   * Elsewhere the other arguments are NULL and not evaluated; a plain number, which costs and saves nothing, stays.
   */
  static PythonUDF guarded(PythonUDF call, Expression isWanted) {
    List arguments = PlanTrees.children(call);
    for (int i = 0; i < arguments.size(); i++) {
      Expression argument = (Expression) arguments.get(i);
      boolean isPlain = argument.dataType() instanceof NumericType && TotalExpressions.contains(argument);
      arguments.set(i, isPlain ? argument : new If(isWanted, argument, Literal$.MODULE$.create(null, argument.dataType())));
    }
    arguments.add(isWanted);
    return call.copy(call.name() + GUARDED, call.func(), call.dataType(), Seqs.seq(arguments), call.evalType(),
        call.udfDeterministic(), call.resultId());
  }
}
