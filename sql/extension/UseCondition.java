package foretable;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.*;
import org.apache.spark.sql.catalyst.expressions.aggregate.AggregateExpression;
import org.apache.spark.sql.catalyst.trees.TreePattern;

/**
 * On which rows does the value of a column matter to expressions that use it?
 *
 * CASE, IF, COALESCE, AND, OR and FILTER look at some of their parts only for some rows. The condition is exact in
 * three-valued logic, is TRUE or FALSE, never NULL, and is evaluated left to right like the expression itself, so
 * that it divides by zero on no row on which the query would not.
 */
public class UseCondition {
  static final int MOST_CONDITIONS = 8; // beyond, deciding costs more than it is likely to save
  static final Expression NEVER = Literal$.MODULE$.FalseLiteral();
  final Attribute column;
  final List conditions = new ArrayList();
  boolean isAlways = false;

  UseCondition(Attribute column) {
    this.column = column;
  }

  /** Null for every row; NEVER where the column is never used. */
  Expression condition() {
    if (isAlways || conditions.size() > MOST_CONDITIONS) {
      return null;
    }
    Expression any = NEVER;
    for (int i = conditions.size() - 1; i >= 0; i--) {
      Expression one = (Expression) conditions.get(i);
      any = any == NEVER ? one : new If(one, Literal$.MODULE$.TrueLiteral(), any);
    }
    return any;
  }

  /** The column is used on the rows of that condition (null: on all). */
  void add(Expression given) {
    if (given == null) {
      isAlways = true;
    } else if (!NEVER.equals(given) && PlanTrees.indexOf(conditions, given) < 0) {
      conditions.add(given);
    }
  }

  /** All uses of the column in an expression that is evaluated on the rows of that condition (null: on all). */
  void addUses(Expression expression, Expression given) {
    addUses(expression, given, false);
  }

  /** As above, where isFilter says that a NULL of the expression is as good as FALSE. */
  void addUses(Expression expression, Expression given, boolean isFilter) {
    if (isAlways || NEVER.equals(given) || !PlanTrees.refersTo(expression, column)) {
      return;
    }
    if (expression instanceof Attribute) {
      add(given);
    } else if (expression instanceof If) {
      If choice = (If) expression;
      addUses(choice.predicate(), given, true);
      addUses(choice.trueValue(), narrowed(given, isTrue(choice.predicate())), isFilter);
      addUses(choice.falseValue(), narrowed(given, new Not(isTrue(choice.predicate()))), isFilter);
    } else if (expression instanceof CaseWhen) {
      addCaseUses((CaseWhen) expression, given, isFilter);
    } else if (expression instanceof Coalesce) {
      List values = PlanTrees.children(expression);
      for (int i = 0; i < values.size(); i++) {
        addUses((Expression) values.get(i), given);
        given = narrowed(given, new IsNull((Expression) values.get(i)));
      }
    } else if (expression instanceof And) {
      addLogicUses(((And) expression).left(), ((And) expression).right(), true, given, isFilter);
    } else if (expression instanceof Or) {
      addLogicUses(((Or) expression).left(), ((Or) expression).right(), false, given, isFilter);
    } else if (expression instanceof AggregateExpression) {
      AggregateExpression aggregate = (AggregateExpression) expression;
      Expression counted = given;
      if (aggregate.filter().isDefined()) {
        Expression filter = (Expression) aggregate.filter().get();
        addUses(filter, given, true);
        counted = narrowed(given, isTrue(filter));
      }
      addUses((Expression) aggregate.aggregateFunction(), counted);
    } else {
      List children = PlanTrees.children(expression);
      for (int i = 0; i < children.size(); i++) {
        addUses((Expression) children.get(i), given);
      }
    }
  }

  void addCaseUses(CaseWhen cases, Expression given, boolean isFilter) {
    List branches = Seqs.list(cases.branches());
    for (int i = 0; i < branches.size(); i++) {
      Expression when = (Expression) ((scala.Tuple2) branches.get(i))._1();
      addUses(when, given, true);
      addUses((Expression) ((scala.Tuple2) branches.get(i))._2(), narrowed(given, isTrue(when)), isFilter);
      given = narrowed(given, new Not(isTrue(when)));
    }
    if (cases.elseValue().isDefined()) {
      addUses((Expression) cases.elseValue().get(), given, isFilter);
    }
  }

  /** One side of AND (OR) does not matter where the other is FALSE (TRUE); in a filter also where AND's is NULL. */
  void addLogicUses(Expression left, Expression right, boolean isAnd, Expression given, boolean isFilter) {
    addUses(right, narrowed(given, undecided(left, isAnd, isFilter)), isFilter);
    // The right side is evaluated later: it decides about the left one only if it cannot fail.
    addUses(left, TotalExpressions.contains(right) ? narrowed(given, undecided(right, isAnd, isFilter)) : given, isFilter);
  }

  static Expression undecided(Expression other, boolean isAnd, boolean isFilter) {
    if (isAnd && isFilter) {
      return isTrue(other);
    }
    return new Not(isAnd ? new EqualNullSafe(other, Literal$.MODULE$.FalseLiteral()) : isTrue(other));
  }

  static Expression isTrue(Expression condition) {
    return new EqualNullSafe(condition, Literal$.MODULE$.TrueLiteral());
  }

  /** Both conditions. IF, since Spark may evaluate the second part of an AND ahead of the first; IF keeps the order. */
  Expression narrowed(Expression given, Expression and) {
    // A subquery would run once more. Leaving a condition out is safe: more rows are asked about.
    if (!and.deterministic() || PlanTrees.refersTo(and, column) || and.containsPattern(TreePattern.PLAN_EXPRESSION())) {
      return given;
    }
    return given == null ? and : new If(given, and, NEVER);
  }
}
