package foretable;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.*;
import org.apache.spark.sql.types.BooleanType$;

/**
 * A model is asked only about the rows whose answer the query looks at: CASE WHEN a < 10 THEN predict(x) END.
 *
 * Spark evaluates a Python call for every row before the expression around it. Such a call of ours gets a last
 * argument that says where it is wanted; its inputs are NULL, and not evaluated, elsewhere.
 */
public class ScoreGuards {
  static LogicalPlan guarded(LogicalPlan plan) {
    return guarded(plan, new HashMap());
  }

  /** The map says where each column of the plan's output matters, as WantedColumns has it. */
  static LogicalPlan guarded(LogicalPlan plan, Map wanted) {
    if (!ModelCalls.isAnyIn(plan)) {
      return plan;
    }
    if (EvalNode.is(plan)) {
      return guarded(new EvalNode(plan), wanted);
    }
    List children = PlanTrees.children(plan);
    boolean isChanged = false;
    for (int i = 0; i < children.size(); i++) {
      LogicalPlan child = (LogicalPlan) children.get(i);
      LogicalPlan changed = ModelCalls.isAnyIn(child) ? guarded(child, WantedColumns.ofInput(plan, wanted)) : child;
      isChanged = isChanged || changed != child;
      children.set(i, changed);
    }
    return isChanged ? (LogicalPlan) plan.withNewChildren(Seqs.seq(children)) : plan;
  }

  static LogicalPlan guarded(EvalNode node, Map wanted) {
    List guards = new ArrayList(); // of conditions over the node's input, null for a call that is needed on all rows
    List waiting = new ArrayList(); // calls whose guard needs the answer of another one
    for (int i = 0; i < node.calls.size(); i++) {
      Expression guard = guard(node, i, wanted);
      List inner = ModelCalls.callsInside(node.call(i));
      if (guard != null && !inner.isEmpty()) { // a chain f(g(x)) is taken apart: nothing fits between its calls
        return guarded(PlanTrees.withOutputOf(node.plan, node.withInnerBelow(inner.subList(0, 1))), wanted);
      }
      if (guard != null && !guard.references().subsetOf(node.child.outputSet())) {
        waiting.add(node.call(i));
        guard = null;
      }
      guards.add(guard);
    }
    if (!waiting.isEmpty() && waiting.size() < node.calls.size()) {
      return guarded(PlanTrees.withOutputOf(node.plan, inTurn(node, waiting)), wanted);
    }
    return withGuards(node, guards, wanted);
  }

  static Expression guard(EvalNode node, int i, Map wanted) {
    Expression condition = (Expression) wanted.get(node.result(i).exprId());
    return condition == null || UseCondition.NEVER.equals(condition) || !ModelCalls.canBeGuarded(node.call(i)) ? null : condition;
  }

  /** The calls that wait for the answer of others in a node above them. */
  static LogicalPlan inTurn(EvalNode node, List waiting) {
    List first = new ArrayList();
    for (int i = 0; i < node.calls.size(); i++) {
      if (!waiting.contains(node.calls.get(i))) {
        first.add(node.calls.get(i));
      }
    }
    return node.withInnerBelow(first);
  }

  static LogicalPlan withGuards(EvalNode node, List guards, Map wanted) {
    List calls = new ArrayList();
    List distinct = new ArrayList();
    List flags = new ArrayList();
    for (int i = 0; i < node.calls.size(); i++) {
      Expression guard = (Expression) guards.get(i);
      if (guard != null && PlanTrees.indexOf(distinct, guard) < 0) {
        distinct.add(guard);
        flags.add(PlanTrees.newAttribute("is_wanted", BooleanType$.MODULE$, false));
      }
      calls.add(guard == null ? node.call(i)
          : ModelCalls.guarded(node.call(i), (Expression) flags.get(PlanTrees.indexOf(distinct, guard))));
    }
    LogicalPlan child = ModelCalls.isAnyIn(node.child) ? guarded(node.child, wantedOfInput(node, guards, wanted)) : node.child;
    if (distinct.isEmpty()) {
      return PlanTrees.withChild(node.plan, 0, child);
    }
    List columns = Seqs.list(node.child.output());
    for (int i = 0; i < distinct.size(); i++) {
      columns.add(PlanTrees.alias((Expression) distinct.get(i), (Attribute) flags.get(i)));
    }
    return PlanTrees.withOutputOf(node.plan, node.with(calls, node.results, PlanTrees.project(columns, child)));
  }

  /** A column matters where it does above, where a call that takes it is wanted, and to the guards themselves. */
  static Map wantedOfInput(EvalNode node, List guards, Map wanted) {
    Map result = new HashMap();
    List columns = Seqs.list(node.child.output());
    for (int i = 0; i < columns.size(); i++) {
      UseCondition uses = new UseCondition((Attribute) columns.get(i));
      uses.add((Expression) wanted.get(uses.column.exprId()));
      for (int k = 0; k < node.calls.size(); k++) {
        uses.addUses(node.call(k), (Expression) guards.get(k));
        if (guards.get(k) != null) {
          uses.addUses((Expression) guards.get(k), null);
        }
      }
      Expression condition = uses.condition();
      if (condition != null && condition.references().subsetOf(node.child.outputSet())) {
        result.put(uses.column.exprId(), condition);
      }
    }
    return result;
  }
}
