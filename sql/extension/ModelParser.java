package foretable;

import java.util.Map;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.parser.*;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.types.DataTypeUtils;
import org.apache.spark.sql.execution.command.ExplainCommand;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;

/**
 * The parser of the session (Delta's) with the model statements in front.
 *
 * A text that begins as one of them becomes a command that Python reads and, when it is executed, runs; every other
 * text costs one look at its first words. Reading has no side effect: Spark Connect reads a statement twice.
 */
public class ModelParser implements ParserInterface {
  /** Blanks and comments; possessive, for a plain group overflows the stack on a long one. */
  static final String SPACE = "(?:\\s++|--[^\\n]*+(?:\\n|$)|/\\*.*?\\*/)";
  static final Pattern STATEMENT = Pattern.compile("(EXPLAIN" + SPACE + "++(?!PREDICT\\b)(?:(?:EXTENDED|CODEGEN|COST|FORMATTED)" + SPACE + "++)?+)?+"
      + "((?:CREATE" + SPACE + "++(?:OR" + SPACE + "++REPLACE" + SPACE + "++)?MODEL\\b"
      + "|SHOW" + SPACE + "++MODELS\\b|SHOW" + SPACE + "++VERSIONS" + SPACE + "++IN" + SPACE + "++MODEL\\b"
      + "|(?:DESC|DESCRIBE|DROP|ALTER|EVALUATE|EXPORT)" + SPACE + "++MODEL" + SPACE + "++[^\\s;]"
      + "|EXPLAIN" + SPACE + "++PREDICT\\b).*+)",
      Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  static final String[] FIRST_WORDS = {"CREATE", "SHOW", "DESC", "DROP", "ALTER", "EVALUATE", "EXPORT", "EXPLAIN"};
  /** Set by Python before the first session is handed out; without it the statements are not known. */
  static volatile BiFunction statements;

  final SparkSession session;
  final ParserInterface next;

  public ModelParser(SparkSession session, ParserInterface next) {
    this.session = session;
    this.next = next;
  }

  /** The parser behind this one. */
  public ParserInterface next() {
    return next;
  }

  /** Called from Python with the function that reads and runs statements. */
  public static void use(BiFunction function) {
    statements = function;
  }

  /** Where the text begins behind blanks and comments. */
  static int firstWord(String text) {
    int i = 0;
    while (i < text.length()) {
      int end = i;
      if (Character.isWhitespace(text.charAt(i))) {
        end = i + 1;
      } else if (text.startsWith("--", i)) {
        end = text.indexOf('\n', i) + 1;
      } else if (text.startsWith("/*", i)) {
        end = text.indexOf("*/", i + 2) + 2;
      }
      if (end <= i) {
        return i;
      }
      i = end;
    }
    return i;
  }

  /** A look at one word, for every statement pays for it. */
  static boolean mayBegin(String text, int start) {
    for (int i = 0; i < FIRST_WORDS.length; i++) {
      if (text.regionMatches(true, start, FIRST_WORDS[i], 0, FIRST_WORDS[i].length())) {
        return true;
      }
    }
    return false;
  }

  /** The command of a model statement, or null where the text is none. */
  LogicalPlan command(String text, ParameterContext parameters) throws ParseException {
    int start = firstWord(text);
    if (statements == null || !mayBegin(text, start)) {
      return null;
    }
    Matcher found = STATEMENT.matcher(text).region(start, text.length());
    if (!found.matches()) {
      return null;
    }
    String statement = found.group(2);
    Map read = ModelCommand.ask("read", statement, session);
    if (hasValues(parameters)) {
      int query = ((Number) read.get("query_at")).intValue();
      if (query < 0) {
        Refusal.refuse("FORETABLE_USAGE", "this statement takes no parameters");
      }
      statement = statement.substring(0, query) + substituted(statement.substring(query), parameters);
    }
    StructType schema = StructType.fromDDL((String) read.get("schema"));
    ModelCommand command = new ModelCommand(statement, (String) read.get("title"),
        (scala.collection.immutable.Seq) DataTypeUtils.toAttributes(schema));
    if (found.group(1) == null) {
      return command;
    }
    ExplainCommand explain = (ExplainCommand) next.parsePlan(found.group(1) + " SELECT 1");
    return explain.copy(command, explain.mode());
  }

  public LogicalPlan parsePlan(String text) throws ParseException {
    LogicalPlan command = command(text, null);
    return command != null ? command : refreshed(next.parsePlan(text));
  }

  /** Delta's parser drops bound parameters, so they are put into the text where Spark's grammar can read it. */
  public LogicalPlan parsePlanWithParameters(String text, ParameterContext parameters) throws ParseException {
    LogicalPlan command = command(text, parameters);
    if (command != null) {
      return command;
    }
    String bound = null;
    if (hasValues(parameters)) {
      try {
        bound = substituted(text, parameters);
      } catch (ParseException e) {
        bound = null; // a statement of Delta's own grammar
      }
    }
    return refreshed(bound != null ? next.parsePlan(bound) : next.parsePlanWithParameters(text, parameters));
  }

  /** With Hive's metastore Spark leaves out the rules that RefreshFunctions is one of, so its work is done here. */
  LogicalPlan refreshed(LogicalPlan plan) {
    if (isHive()) {
      new RefreshFunctions(session).visit(plan);
    }
    return plan;
  }

  boolean isHive() {
    return session.sparkContext().conf().get("spark.sql.catalogImplementation", "in-memory").equals("hive");
  }

  static String substituted(String text, ParameterContext parameters) throws ParseException {
    return (String) ParameterHandler.substituteParameters(text, parameters)._1();
  }

  static boolean hasValues(ParameterContext context) {
    if (context instanceof NamedParameterContext) {
      return !((NamedParameterContext) context).params().isEmpty();
    }
    return context instanceof PositionalParameterContext && !((PositionalParameterContext) context).params().isEmpty();
  }

  public LogicalPlan parseQuery(String text) throws ParseException {
    return refreshed(next.parseQuery(text));
  }

  public Expression parseExpression(String text) throws ParseException {
    Expression expression = next.parseExpression(text);
    if (isHive()) {
      new RefreshFunctions(session).visit(expression);
    }
    return expression;
  }

  public TableIdentifier parseTableIdentifier(String text) throws ParseException {
    return next.parseTableIdentifier(text);
  }

  public FunctionIdentifier parseFunctionIdentifier(String text) throws ParseException {
    return next.parseFunctionIdentifier(text);
  }

  public scala.collection.immutable.Seq parseMultipartIdentifier(String text) throws ParseException {
    return next.parseMultipartIdentifier(text);
  }

  public StructType parseRoutineParam(String text) throws ParseException {
    return next.parseRoutineParam(text);
  }

  public StructType parseTableSchema(String text) throws ParseException {
    return next.parseTableSchema(text);
  }

  public DataType parseDataType(String text) throws ParseException {
    return next.parseDataType(text);
  }

  /** Given to SparkSessionExtensions.injectParser. */
  public static class Install extends scala.runtime.AbstractFunction2 {
    public Object apply(Object session, Object next) {
      return new ModelParser((SparkSession) session, (ParserInterface) next);
    }
  }
}
