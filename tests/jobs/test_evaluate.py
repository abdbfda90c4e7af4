"""Models are evaluated on the features that they were trained on, or refused."""

import pytest

from jobs.evaluate import evaluate_classifiers, evaluate_models
from models.errors import ModelContractError


@pytest.fixture
def with_groups(in_pipeline, make_app):
    """App of the pipeline whose model of that name is now asked for by group, which its version is not."""

    def build(name):
        (model,) = [model for model in in_pipeline.config.models if model.name == name]
        app = make_app()
        app.config = in_pipeline.config.model_copy(update={"models": (model.model_copy(update={"group": "symbol"}),)})
        return app

    return build


@pytest.mark.parametrize(
    ("name", "evaluated"), [("ridge_return_5m", evaluate_models), ("updown", evaluate_classifiers)]
)
def test_a_model_that_was_trained_on_other_columns_is_not_evaluated(spark, with_groups, name, evaluated):
    with pytest.raises(ModelContractError, match=f"{name}/1 was trained on other features: run foretable train"):
        evaluated(with_groups(name), spark)
