"""A small model as a standalone SQL function, which needs nothing but Spark to run."""

from models.model_version import ModelVersion
from models.sql_text import identifier


def create_function_text(version: ModelVersion, expression: str) -> str:
    """Return the statement that creates ``predict_<model>`` with one DOUBLE parameter a feature, by name.

    The text depends on nothing but the version, so the same version gives the same text.

    Args:
        version: The registered version; its name and digest go into the comment.
        expression: What ``models.sql_expression.read_sql_expression`` returned for it.
    """
    n_features = len(version.feature_names)
    parameters = ",\n".join(
        f"  {identifier(name)} DOUBLE COMMENT 'feature {number} of {n_features}'"
        for number, name in enumerate(version.feature_names, start=1)
    )
    return (
        f"CREATE OR REPLACE FUNCTION {identifier(f'predict_{version.name}')}(\n{parameters}\n)\n"
        f"RETURNS {version.label_type}\n"
        f"COMMENT 'model {version.name}/{version.version}, digest {version.digest}'\n"
        f"RETURN {expression}\n"
    )
