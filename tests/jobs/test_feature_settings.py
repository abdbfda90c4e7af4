"""Settings of features and labels: mistakes are one sentence, and any change makes another digest."""

import pytest
from pydantic import ValidationError

from jobs.feature_settings import FeatureSettings, settings_digest
from jobs.label_settings import LabelSettings, default_labels, longest_horizon
from models.errors import UsageError

RETURN = {"name": "r", "kind": "log_return", "bars": 2}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({**RETURN, "kind": "log_retrun"}, "feature 'r' has the unknown kind 'log_retrun': did you mean 'log_return'?"),
        ({**RETURN, "bar": 1}, "feature 'r' has the unknown argument 'bar': did you mean 'bars'?"),
        (
            {**RETURN, "column": "closing"},
            "feature 'r' has the unknown column of bars 'closing': did you mean 'close'?",
        ),
        (
            {"name": "i", "kind": "imbalance", "buy": "buy_volume", "sell": "sel_volume"},
            "feature 'i' has the unknown column of bars 'sel_volume': did you mean 'sell_volume'?",
        ),
        (
            {**RETURN, "bars": 0},
            "feature 'r' needs another bars: Input should be greater than or equal to 1, got 0",
        ),
        ({"name": "r", "kind": "log_return"}, "feature 'r' needs another bars: Field required"),
        (
            {**RETURN, "scale": "rank"},
            "feature 'r' needs another scale: Input should be 'zscore' or 'minmax', got 'rank'",
        ),
        ({**RETURN, "name": "My return"}, "feature 'My return' needs another name: String should match pattern"),
        ({"name": "r"}, "a feature must be a mapping with name and kind (log_return, zscore, imbalance"),
        ("return_1", "a feature must be a mapping with name and kind"),
    ],
)
def test_a_wrong_feature_is_one_sentence_with_the_nearest_word(item, message):
    with pytest.raises(UsageError) as error:
        FeatureSettings(items=[item])
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_name_twice_is_refused():
    with pytest.raises(UsageError, match="feature 'r' is listed twice: give each feature its own name"):
        FeatureSettings(items=[RETURN, RETURN])


def test_an_empty_list_is_refused():
    with pytest.raises(UsageError, match="features must be a list of mappings with name and kind"):
        FeatureSettings(items=[])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "y", "kind": "return", "horizon_seconds": 60}, "label 'y' has the unknown kind 'return'"),
        ({"name": "y", "horizon": 60}, "label 'y' has the unknown argument 'horizon': did you mean 'horizon_seconds'?"),
        (
            {"name": "y", "horizon_seconds": 60, "threshold_bps": 5},
            "label 'y' is a log_return, which has no threshold_bps: make its kind direction",
        ),
    ],
)
def test_a_wrong_label_is_one_sentence(values, message):
    with pytest.raises(UsageError) as error:
        LabelSettings.model_validate(values)
    assert str(error.value).startswith(message)


def test_a_label_must_look_forward():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        LabelSettings(name="y", horizon_seconds=0)


def test_the_longest_look_back_and_horizon_count():
    items = [RETURN, {"name": "z", "kind": "zscore", "column": "volume", "bars": 7}]
    items.append({"name": "i", "kind": "imbalance", "buy": "buy_volume", "sell": "sell_volume", "bars": 9})
    assert FeatureSettings(items=items).bars_before == 8  # the window of an imbalance ends with the bar itself
    assert longest_horizon(default_labels()) == 300
    assert longest_horizon([]) == 0


def test_default_features_have_names_of_their_own_and_a_look_back_of_an_hour_of_minutes():
    settings = FeatureSettings()
    assert len(set(settings.names())) == len(settings.names()) >= 12
    assert settings.bars_before == 60


def test_any_change_but_the_name_makes_another_digest():
    settings, labels = FeatureSettings(items=[RETURN]), default_labels()
    same = settings_digest(FeatureSettings(name="other", items=[dict(RETURN)]), default_labels())
    others = [
        settings_digest(FeatureSettings(items=[{**RETURN, "bars": 3}]), labels),
        settings_digest(FeatureSettings(items=[{**RETURN, "scale": "zscore"}]), labels),
        settings_digest(FeatureSettings(items=[RETURN], train_fraction=0.5), labels),
        settings_digest(settings, labels[:1]),
    ]
    assert same == settings_digest(settings, labels)
    assert len({same, *others}) == 5


def test_settings_survive_the_way_through_json():
    settings = FeatureSettings()
    assert FeatureSettings.model_validate(settings.model_dump(mode="json")) == settings
