package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.plans.logical.*;
import org.apache.spark.sql.catalyst.trees.TreePattern;

/** A node of a plan that calls Python functions: its input's columns go on, one result column a call is added. */
public class EvalNode {
  final LogicalPlan plan;
  final List calls; // of PythonUDF
  final List results; // of Attribute
  final LogicalPlan child;

  EvalNode(LogicalPlan plan) {
    this.plan = plan;
    calls = Seqs.list(((BaseEvalPython) plan).udfs());
    results = Seqs.list(((BaseEvalPython) plan).resultAttrs());
    child = PlanTrees.onlyChild(plan);
  }

  static boolean is(LogicalPlan plan) {
    return plan instanceof ArrowEvalPython || plan instanceof BatchEvalPython;
  }

  static boolean isIn(LogicalPlan plan) {
    return plan.containsPattern(TreePattern.EVAL_PYTHON_UDF());
  }

  PythonUDF call(int i) {
    return (PythonUDF) calls.get(i);
  }

  Attribute result(int i) {
    return (Attribute) results.get(i);
  }

  /** A node of the same kind; without calls just the child. */
  LogicalPlan with(List newCalls, List newResults, LogicalPlan newChild) {
    if (newCalls.isEmpty()) {
      return newChild;
    }
    return plan instanceof ArrowEvalPython
        ? (LogicalPlan) new ArrowEvalPython(Seqs.seq(newCalls), Seqs.seq(newResults), newChild, ((ArrowEvalPython) plan).evalType())
        : (LogicalPlan) new BatchEvalPython(Seqs.seq(newCalls), Seqs.seq(newResults), newChild);
  }

  LogicalPlan withChild(LogicalPlan newChild) {
    return with(calls, results, newChild);
  }

  /**
   * The same calls in two nodes, the inner ones below: g, then f over its column, for f(g(x)).
   *
   * The columns of the inner calls come on top of the output of this node where it did not have them.
   */
  LogicalPlan withInnerBelow(List inner) {
    List innerResults = new ArrayList();
    for (int i = 0; i < inner.size(); i++) {
      PythonUDF call = (PythonUDF) inner.get(i);
      int own = PlanTrees.indexOf(calls, call);
      innerResults.add(own >= 0 ? result(own) : PlanTrees.newAttribute(call.name(), call.dataType(), true));
    }
    List outer = new ArrayList();
    List outerResults = new ArrayList();
    for (int i = 0; i < calls.size(); i++) {
      if (PlanTrees.indexOf(inner, call(i)) < 0) {
        outer.add(PlanTrees.replace(call(i), inner, innerResults));
        outerResults.add(result(i));
      }
    }
    return with(outer, outerResults, with(inner, innerResults, child));
  }
}
