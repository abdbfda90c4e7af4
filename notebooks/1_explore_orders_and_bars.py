# Databricks notebook source
# MAGIC %md
# MAGIC # Orders and bars
# MAGIC What arrived, what was refused, and what the order flow looks like once it is resampled.
# MAGIC Run `foretable demo` first, or set `FORETABLE_HOME` to a home of your own.

# COMMAND ----------

from jobs.app import App

app = App()
spark = app.session()

# COMMAND ----------

# MAGIC %md
# MAGIC Every line that was read is accounted for: `read = good + quarantined + duplicate + pending`.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT source_file, state, n_read, n_good, n_quarantined, n_duplicate, n_pending FROM ingested_files ORDER BY source_file

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT exchange, symbol, event, count(*) AS n, min(event_time) AS first, max(event_time) AS last
# MAGIC FROM orders GROUP BY exchange, symbol, event ORDER BY exchange, symbol, n DESC

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT exchange, symbol, sum(n_missing) AS missing, count(*) AS holes FROM gaps GROUP BY exchange, symbol

# COMMAND ----------

# MAGIC %md
# MAGIC One minute of trades and order flow a row. Flow is counted separately for trades, limit orders, market orders and cancels.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT symbol, bar_start, close, volume, n_trades, n_limit_buys, n_market_buys, n_cancel_buys
# MAGIC FROM bars WHERE bar_seconds = 60 ORDER BY bar_start DESC, symbol LIMIT 10

# COMMAND ----------

bars = spark.table("bars").where("bar_seconds = 60").toPandas()
bars["imbalance"] = (bars.n_buy_trades - bars.n_sell_trades) / bars.n_trades.where(bars.n_trades > 0)
print(bars[["n_trades", "n_limit_buys", "n_market_buys", "n_cancel_buys", "imbalance"]].describe().round(3))

# COMMAND ----------

# MAGIC %md
# MAGIC Does the imbalance of a minute persist? Its autocorrelation over the next minutes, symbol by symbol.

# COMMAND ----------

by_symbol = bars.sort_values("bar_start").groupby("symbol").imbalance
print({symbol: [round(values.autocorr(lag), 3) for lag in (1, 2, 5, 10)] for symbol, values in by_symbol})
