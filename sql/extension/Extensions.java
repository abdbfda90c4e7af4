package foretable;

import java.util.List;
import org.apache.spark.sql.ExperimentalMethods;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/** What we add to every session of this Spark, named in spark.sql.extensions. */
public class Extensions extends AbstractFunction1 {
  public Object apply(Object extensions) {
    ((SparkSessionExtensions) extensions).injectParser(new ModelParser.Install());
    ((SparkSessionExtensions) extensions).injectHintResolutionRule(new RefreshFunctions.Install());
    ((SparkSessionExtensions) extensions).injectOptimizerRule(new ScoreOnceInstaller());
    return BoxedUnit.UNIT;
  }

  /**
   * Puts ScoreOnce among the rules that run last.
   *
   * Rules that an extension injects run before Spark extracts Python calls; only a session's own extra rules run
   * after. Spark asks this function for a rule whenever it optimizes, with the session, before it reads those.
   */
  public static class ScoreOnceInstaller extends AbstractFunction1 {
    final ScoreOnce scoreOnce = new ScoreOnce();
    final NoRule noRule = new NoRule();

    public synchronized Object apply(Object session) {
      ExperimentalMethods rules = ((org.apache.spark.sql.classic.SparkSession) session).sessionState().experimentalMethods();
      List extra = Seqs.list(rules.extraOptimizations());
      if (!extra.contains(scoreOnce)) {
        extra.add(scoreOnce);
        rules.extraOptimizations_$eq(Seqs.seq(extra));
      }
      return noRule;
    }
  }

  public static class NoRule extends Rule {
    public String ruleName() {
      return "foretable.NoRule";
    }

    public TreeNode apply(TreeNode plan) {
      return plan;
    }
  }
}
