# Databricks notebook source
# MAGIC %md
# MAGIC # Predictions are just SQL

# COMMAND ----------

from jobs.app import App

app = App()
spark = app.session()

# COMMAND ----------

# MAGIC %sql
# MAGIC DESCRIBE FUNCTION EXTENDED predict

# COMMAND ----------

# MAGIC %md
# MAGIC Ad hoc: the default model, and a named one.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT symbol, bar_start, predict(features) AS champion, predict('ridge_return_5m', features) AS ridge
# MAGIC FROM features WHERE is_warm ORDER BY bar_start DESC, symbol LIMIT 6

# COMMAND ----------

# MAGIC %md
# MAGIC Saved as a table.

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE OR REPLACE TABLE notebook_predictions AS
# MAGIC SELECT symbol, bar_start, predict('ridge_return_5m', features) AS prediction FROM features WHERE is_warm

# COMMAND ----------

# MAGIC %md
# MAGIC Joined to what came true, on held-out time.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT symbol, count(*) AS n, round(corr(prediction, labels.return_5m), 4) AS correlation
# MAGIC FROM notebook_predictions JOIN features USING (symbol, bar_start)
# MAGIC WHERE NOT is_training AND labels.return_5m IS NOT NULL GROUP BY symbol ORDER BY symbol

# COMMAND ----------

# MAGIC %md
# MAGIC The saved predictions of the scheduled job, with their model, version and outcome.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT model, version, status, count(*) AS n, round(avg(abs(prediction - outcome)) * 10000, 3) AS mean_absolute_error_bps
# MAGIC FROM prediction_outcomes GROUP BY model, version, status ORDER BY model, version, status

# COMMAND ----------

# MAGIC %md
# MAGIC Everything about a prediction: its interval, how unlike the training rows the row is, and what moved it most.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT symbol, bar_start, detail.prediction, detail.lower, detail.upper, detail.unlikeness, detail.status, strongest
# MAGIC FROM (
# MAGIC     SELECT
# MAGIC         symbol, bar_start,
# MAGIC         predict_detail('forest_return_5m', features) AS detail,
# MAGIC         explain_prediction('forest_return_5m', features)[0] AS strongest
# MAGIC     FROM features WHERE is_warm ORDER BY bar_start DESC, symbol LIMIT 4
# MAGIC )

# COMMAND ----------

# MAGIC %md
# MAGIC A model from a query, measured beside the naive predictions, and what a query would cost before it runs.

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE OR REPLACE MODEL notebook_ridge USING ridge
# MAGIC OPTIONS (label = 'return_5m', time = 'bar_start', horizon_seconds = 300, alpha = 10)
# MAGIC AS SELECT features, bar_start, labels.return_5m FROM features WHERE is_warm

# COMMAND ----------

# MAGIC %sql
# MAGIC EVALUATE MODEL notebook_ridge ON (SELECT features, labels.return_5m FROM features WHERE is_warm AND NOT is_training)

# COMMAND ----------

# MAGIC %sql
# MAGIC EXPLAIN PREDICT SELECT symbol, predict('notebook_ridge', features) FROM features WHERE is_warm
