"""Refusals that a model writes as its answer, in place of saying so in a field of their own."""

import re

# The beginnings of what models write in English, Japanese and Chinese: they cannot do what they are asked to.
CANNOT = r"\b(?:can(?:no|[\u2019'])t|can not|unable to|not able to|won[\u2019']t|will not|not comfortable)\b"
TASK = r"\b(?:help|assist|translat\w+|comply|provid\w+|fulfil\w*|process|continue|request|answer that)\b"
REFUSAL = re.compile(
    rf"\W*(?:.{{0,30}}(?:sorry|apolog)\w*\b.{{0,20}}|unfortunately,? )?\bI\b.{{0,8}}{CANNOT}.{{0,20}}{TASK}"
    r"|\W*as an (?:AI|artificial|language model)\b"
    r"|\W*(?:大変)?(?:申し訳|すみません|恐れ入り|恐縮).{0,30}(?:翻訳|お手伝い|お答え|ご要望|リクエスト|ご依頼).{0,12}(?:できま|できかね|いたしかね|られま)"
    r"|\W*(?:非常|很|十分)?(?:抱歉|对不起|對不起|遗憾).{0,8}(?:无法|不能|無法).{0,12}(?:翻译|翻譯|协助|帮助|提供|处理|满足|回答)"
    r"|\W*作为一?[个名]?(?:AI|人工智能|语言模型)",
    re.IGNORECASE,
)


def is_prose_refusal(answer: str, source: str) -> bool:
    """Find out whether an answer is a refusal. It is none if the text that was asked about begins with such words too.

    answer (str): What the model wrote.
    source (str): The text.
    RETURNS (bool): Whether it refuses.

    >>> is_prose_refusal("I'm sorry, but I can't assist with that request.", "雨だ。")
    True
    >>> is_prose_refusal("Sorry, I cannot come today.", "すみませんが、今日は行けません。")
    False
    """
    return REFUSAL.match(answer) is not None and REFUSAL.match(source) is None
