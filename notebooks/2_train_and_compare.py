# Databricks notebook source
# MAGIC %md
# MAGIC # Train and compare
# MAGIC Models are fitted on the first part of time and measured on the later part, beside two naive baselines.

# COMMAND ----------

import pandas as pd

from jobs.app import App
from jobs.evaluate import evaluate_models, registered_models
from jobs.train import train

app = App()
spark = app.session()

# COMMAND ----------

# MAGIC %md
# MAGIC The scales were fitted on training time only; this is what they hold.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT symbol, feature, method, center, width, n_rows, train_end FROM feature_scales ORDER BY symbol, feature LIMIT 20

# COMMAND ----------

# MAGIC %md
# MAGIC Training with the same settings on the same data registers nothing new.

# COMMAND ----------

trained = train(spark, app.config, app.registry, print)
print(pd.DataFrame([{"model": t.version.name, "version": t.version.version, "is_new": t.is_new} for t in trained]))

# COMMAND ----------

# MAGIC %md
# MAGIC `mse_difference` is the mean squared error minus that of zero change: below zero is better. An interval that holds
# MAGIC zero is no evidence of skill.

# COMMAND ----------

evaluation = pd.DataFrame(evaluate_models(app, spark))
print(
    evaluation[
        [
            "model",
            "n",
            "rmse",
            "r2",
            "information_coefficient",
            "mse_difference",
            "difference_lower",
            "difference_upper",
        ]
    ]
)

# COMMAND ----------

print(pd.DataFrame(registered_models(app))[["model", "version", "family", "is_champion"]])
