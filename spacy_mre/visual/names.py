"""Display names of labels, and the words on the page itself, in several languages."""

from collections.abc import Mapping
from typing import Any

from ..annotations.kinds import KINDS
from ..errors import Errors

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Entities, relations and categories",
        "head": "head",
        "relation": "relation",
        "tail": "tail",
        "score": "score",
        "entities": "entities",
        "relations": "relations",
        "cats": "categories",
        "text": "Text",
        "empty": "(empty text)",
        "both": "The relation holds in both directions",
        "filter": "Filter",
        "labels": "labels",
        "least": "least score",
        "shown_entities": "entities: {shown} of {total}",
        "shown_relations": "relations: {shown} of {total}",
        "collapse": "Collapse all",
        "expand": "Expand all",
        "keyboard": "j: next text, k: previous text",
        "attention": "Attention between types",
        "attention_reading": "each row: how much this type attends to the others",
        "attends": "type that attends",
        "attended": "type that is attended to",
    },
    "ja": {
        "title": "固有表現・関係・分類",
        "head": "主体",
        "relation": "関係",
        "tail": "対象",
        "score": "スコア",
        "entities": "固有表現",
        "relations": "関係",
        "cats": "分類",
        "text": "テキスト",
        "empty": "（空のテキスト）",
        "both": "双方向の関係",
        "filter": "絞り込み",
        "labels": "ラベル",
        "least": "最低スコア",
        "shown_entities": "固有表現: {total}件中{shown}件",
        "shown_relations": "関係: {total}件中{shown}件",
        "collapse": "すべて折りたたむ",
        "expand": "すべて展開する",
        "keyboard": "j: 次のテキスト、k: 前のテキスト",
        "attention": "種類間の注意",
        "attention_reading": "各行: この種類がほかの種類をどれだけ見るか",
        "attends": "見る種類",
        "attended": "見られる種類",
    },
    "zh": {
        "title": "实体、关系与类别",
        "head": "头实体",
        "relation": "关系",
        "tail": "尾实体",
        "score": "得分",
        "entities": "实体",
        "relations": "关系",
        "cats": "类别",
        "text": "文本",
        "empty": "（空文本）",
        "both": "双向关系",
        "filter": "筛选",
        "labels": "标签",
        "least": "最低得分",
        "shown_entities": "实体：显示{shown}个，共{total}个",
        "shown_relations": "关系：显示{shown}个，共{total}个",
        "collapse": "全部收起",
        "expand": "全部展开",
        "keyboard": "j：下一篇，k：上一篇",
        "attention": "类型间的注意力",
        "attention_reading": "每一行：该类型对其他类型的关注程度",
        "attends": "关注的类型",
        "attended": "被关注的类型",
    },
}


class Names:
    """Display names in one language.

    labels (Mapping | None): `{"entities": {"person": {"en": "person", "ja": "人物"}}, "relations": {...},
        "cats": {...}}`. Every part is optional. A label without a name is shown as it is.
    lang (str): The language: one of the words on the page (en, ja, zh), or of the table. If the words are not
        translated to it, they are in English.
    RAISES (ValueError): If the table has another form, or there is nothing in the language.

    >>> names = Names({"entities": {"person": {"ja": "人物"}}}, lang="ja")
    >>> names.of("entities", "person"), names.of("entities", "place")
    ('人物', 'place')
    """

    def __init__(self, labels: Mapping[str, Any] | None = None, lang: str = "en"):
        self.lang = lang
        self.words = WORDS.get(lang, WORDS["en"])
        self._known: dict[str, list[str]] = {}
        self._names: dict[str, dict[str, str]] = {}
        table = {} if labels is None else labels
        if not isinstance(table, Mapping):
            raise ValueError(Errors.M601.format(found=repr(table)))
        for kind in KINDS:
            named = table.get(kind, {})
            if not isinstance(named, Mapping) or not all(isinstance(by_lang, Mapping) for by_lang in named.values()):
                raise ValueError(Errors.M601.format(found=f"{kind!r}: {named!r}"))
            self._known[kind] = list(named)
            self._names[kind] = {label: str(by_lang[lang]) for label, by_lang in named.items() if lang in by_lang}
        if lang not in WORDS and not any(self._names.values()):
            raise ValueError(Errors.M612.format(lang=lang, known=", ".join(WORDS)))

    def of(self, kind: str, label: str) -> str:
        """Get the display name of a label.

        kind (str): One of `KINDS`.
        label (str): The label.
        RETURNS (str): Its name; without one, the label itself.
        """
        return self._names[kind].get(label, label)

    def known(self, kind: str) -> list[str]:
        """List the labels in the table, including those without a name in this language.

        kind (str): One of `KINDS`.
        RETURNS (list[str]): The labels.
        """
        return self._known[kind]
