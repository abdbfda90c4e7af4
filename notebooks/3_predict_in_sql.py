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
