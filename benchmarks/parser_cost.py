"""What the parser of the model statements costs an ordinary statement, against Delta's parser alone.

    python -m benchmarks.parser_cost [ROUNDS]

Both parsers read the same texts, the plans are asserted equal, and the rounds are interleaved in one JVM.
"""

import re
import statistics
import sys
from pathlib import Path

from benchmarks.surroundings import fresh_home, machine
from jobs.open_session import open_session
from jobs.session import SessionSettings

STATEMENTS = {
    "short": "SELECT 1",
    "query": "SELECT symbol, avg(close) AS mean FROM bars WHERE bar_seconds = 60 GROUP BY symbol HAVING count(*) > 10",
    "create table": "CREATE TABLE t (a DOUBLE COMMENT 'x') USING delta TBLPROPERTIES (delta.appendOnly = true)",
    "delta": "OPTIMIZE bars ZORDER BY (symbol)",
    "commented": "-- a comment\n" * 200 + "/* and " + "words " * 2000 + "*/ SELECT 1",
    "long": "SELECT " + ", ".join(f"a + {i} AS c{i}" for i in range(500)) + " FROM t",
}
N_CALLS = 300
LOOP = """
import org.apache.spark.sql.catalyst.parser.ParserInterface;

public class Loop {
  public static long nanos(ParserInterface parser, String text, int n) throws Exception {
    long start = System.nanoTime();
    for (int i = 0; i < n; i++) {
      parser.parsePlan(text);
    }
    return (System.nanoTime() - start) / n;
  }
}
"""


def main(rounds: int) -> None:
    """Print the median time of a parse with each parser, statement by statement."""
    with fresh_home() as home:
        measure(home, rounds)


def measure(home: Path, rounds: int) -> None:
    """Parse in a session of that home."""
    spark = open_session(SessionSettings(home))
    jvm = spark._jvm
    compiler = jvm.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(jvm.Thread.currentThread().getContextClassLoader())
    compiler.cook(LOOP)
    ours = spark._jsparkSession.sessionState().sqlParser()
    peer = ours.next()
    types = spark.sparkContext._gateway.new_array(jvm.Class, 3)
    types[0] = jvm.Class.forName("org.apache.spark.sql.catalyst.parser.ParserInterface")
    types[1], types[2] = jvm.Class.forName("java.lang.String"), jvm.java.lang.Integer.TYPE
    loop = compiler.getClassLoader().loadClass("Loop").getMethod("nanos", types)

    def micros(parser, text: str) -> float:
        arguments = jvm.java.util.ArrayList()
        for argument in (parser, text, N_CALLS):
            arguments.add(argument)
        return loop.invoke(None, arguments.toArray()) / 1_000

    print(f"{machine('pyspark')}, {rounds} rounds of {N_CALLS}")
    print(f"{'statement':<14}{'Delta µs':>10}{'ours µs':>10}{'cost µs':>10}{'ratio':>8}")
    for name, text in STATEMENTS.items():
        assert plan_of(ours, text) == plan_of(peer, text), name
        for parser in (peer, ours):
            micros(parser, text)  # warm
        pairs = [(micros(peer, text), micros(ours, text)) for _ in range(rounds)]
        alone, with_ours = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"{name:<14}{alone:>10.1f}{with_ours:>10.1f}{with_ours - alone:>10.1f}{with_ours / alone:>8.2f}")
    spark.stop()


def plan_of(parser, text: str) -> str:
    """The plan as text, without the numbers that each parse gives to its columns."""
    return re.sub(r"#\d+", "#", parser.parsePlan(text).toString())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
