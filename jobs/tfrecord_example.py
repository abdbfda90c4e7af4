"""``tf.train.Example``: named lists of whole numbers, 32-bit numbers or bytes, as protocol buffers hold them.

The messages are built here, field by field as TensorFlow's example.proto and feature.proto number them, in a pool of
their own: TensorFlow registers the same names in the default pool when it is imported into the same process.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_LISTS = {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"}


class NotAnExampleError(ValueError):
    """The bytes are no ``tf.train.Example``."""


def decode_example(data: bytes) -> dict[str, Any]:
    """Values by name: one value as it is, several as a tuple, none as None; bytes that are UTF-8 as text.

    A 32-bit number becomes the 64-bit number of the same value.

    Raises:
        NotAnExampleError: the bytes are something else.
    """
    example = _example_class()()
    try:
        example.ParseFromString(data)
    except DecodeError as e:
        raise NotAnExampleError(str(e)) from e
    if data and not example.HasField("features"):  # fields that an example does not have are passed over in silence
        raise NotAnExampleError("it has no features")
    return {name: _value(feature) for name, feature in example.features.feature.items()}


def encode_example(values: Mapping[str, Any]) -> bytes:
    """Bytes of an example; a None or an empty list is a feature without a value, a truth value is 0 or 1."""
    example = _example_class()()
    for name, value in values.items():
        feature = example.features.feature[name]
        items = list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
        if not items:
            continue
        if isinstance(items[0], float):
            feature.float_list.value.extend(items)
        elif isinstance(items[0], int):  # a truth value is one
            feature.int64_list.value.extend(map(int, items))
        else:
            feature.bytes_list.value.extend(item.encode() if isinstance(item, str) else item for item in items)
    return bytes(example.SerializeToString())


def _value(feature: Any) -> Any:
    kind = feature.WhichOneof("kind")
    items = list(getattr(feature, kind).value) if kind else []
    if kind == "bytes_list":
        items = _texts(items)
    return tuple(items) if len(items) > 1 else items[0] if items else None


def _texts(items: list[bytes]) -> list[Any]:
    try:
        return [item.decode("utf-8") for item in items]
    except UnicodeDecodeError:
        return list(items)


@cache
def _example_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="foretable/example.proto", package="tensorflow", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto
    types = {"BytesList": field.TYPE_BYTES, "FloatList": field.TYPE_FLOAT, "Int64List": field.TYPE_INT64}
    for name, type_ in types.items():
        file.message_type.add(name=name).field.add(name="value", number=1, label=field.LABEL_REPEATED, type=type_)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (name, type_name) in enumerate(_LISTS.items(), start=1):
        _message_field(feature, name, number, type_name).oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=field.LABEL_OPTIONAL, type=field.TYPE_STRING)
    _message_field(entry, "value", 2, "Feature")
    _message_field(features, "feature", 1, "Features.FeatureEntry").label = field.LABEL_REPEATED
    _message_field(file.message_type.add(name="Example"), "features", 1, "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


def _message_field(message: Any, name: str, number: int, type_name: str) -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    return message.field.add(
        name=name,
        number=number,
        label=field.LABEL_OPTIONAL,
        type=field.TYPE_MESSAGE,
        type_name=f".tensorflow.{type_name}",
    )
