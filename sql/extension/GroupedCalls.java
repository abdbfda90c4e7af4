package foretable;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.*;
import org.apache.spark.sql.types.*;

/**
 * A filter on a model's answer about the grouping columns runs after the grouping: once a group, not once a row.
 *
 * Spark pushes HAVING predict(x) > 0 below GROUP BY x, which is right for a cheap condition.
 */
public class GroupedCalls extends PlanRewrite {
  LogicalPlan rewritten(LogicalPlan node) {
    if (!(node instanceof Aggregate)) {
      return node;
    }
    Aggregate groups = (Aggregate) node;
    LogicalPlan below = PlanTrees.onlyChild(groups);
    while (below instanceof Project && onlyChoosesColumns((Project) below)) {
      below = PlanTrees.onlyChild(below);
    }
    if (!(below instanceof Filter) || !EvalNode.is(PlanTrees.onlyChild(below))) {
      return node;
    }
    Filter filter = (Filter) below;
    EvalNode scored = new EvalNode(PlanTrees.onlyChild(filter));
    List keys = Seqs.list(groups.groupingExpressions());
    if (!filter.condition().deterministic() || !isConstantInGroup(scored, filter, keys)
        || !groups.references().subsetOf(scored.child.outputSet())) {
      return node;
    }
    List columns = Seqs.list(groups.aggregateExpressions());
    for (int i = 0; i < keys.size(); i++) {
      if (keys.get(i) instanceof Attribute && !groups.outputSet().contains((Attribute) keys.get(i))) {
        columns.add(keys.get(i));
      }
    }
    LogicalPlan grouped = groups.copy(groups.groupingExpressions(), Seqs.seq(columns), scored.child,
        (scala.Option) groups.productElement(3));
    return PlanTrees.withOutputOf(node, new Filter(filter.condition(), scored.withChild(grouped)));
  }

  static boolean onlyChoosesColumns(Project project) {
    List columns = Seqs.list(project.projectList());
    for (int i = 0; i < columns.size(); i++) {
      if (!(columns.get(i) instanceof Attribute)) {
        return false;
      }
    }
    return true;
  }

  static boolean isConstantInGroup(EvalNode scored, Filter filter, List keys) {
    for (int i = 0; i < scored.calls.size(); i++) {
      if (!ModelCalls.isAnyIn(scored.call(i)) || !scored.call(i).deterministic() || !areKeys(scored.call(i), scored, keys)) {
        return false;
      }
    }
    return areKeys(filter.condition(), scored, keys);
  }

  static boolean areKeys(Expression expression, EvalNode scored, List keys) {
    List used = Seqs.list(expression.references().toSeq());
    for (int i = 0; i < used.size(); i++) {
      Attribute column = (Attribute) used.get(i);
      if (PlanTrees.indexOf(scored.results, column) < 0 && (PlanTrees.indexOf(keys, column) < 0 || !hasOneFormOfEach(column.dataType()))) {
        return false;
      }
    }
    return true;
  }

  /** Not so for 0.0 and -0.0 or texts under a collation: they are one group, but a model may tell them apart. */
  static boolean hasOneFormOfEach(DataType type) {
    return type instanceof IntegralType || type instanceof DecimalType || type instanceof BooleanType
        || type instanceof DateType || type instanceof TimestampType || type instanceof TimestampNTZType
        || type.equals(StringType$.MODULE$);
  }
}
