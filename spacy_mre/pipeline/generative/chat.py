"""The form in which an instruct model is asked: the source is the user's turn, the target the assistant's."""

from typing import Any, NamedTuple, Self

from transformers import PreTrainedTokenizerBase

from ...encoders.threads import encode
from ...errors import Errors
from ...unpacking import reason_of

# They stand for the turns while a chat template is rendered. No text of a template contains them.
SOURCE, TARGET = "\ue000", "\ue001"


class ChatForm(NamedTuple):
    """The tokens of a chat template around a source and after a target.

    before (list[int]): The tokens before the source, such as a system prompt.
    between (list[int]): The tokens between source and target.
    end (Optional[int]): The token that ends the assistant's turn; None if it is not a special token.
    """

    before: list[int]
    between: list[int]
    end: int | None

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Self:
        """Read the chat template of a tokenizer.

        tokenizer (PreTrainedTokenizerBase): The tokenizer of an instruct model.
        RETURNS (ChatForm): The tokens.
        RAISES (ValueError): If it has no chat template, or one that changes the turns.
        """
        user = {"role": "user", "content": SOURCE}
        asked = _rendered(tokenizer, [user], add_generation_prompt=True).split(SOURCE)
        answered = _rendered(tokenizer, [user, {"role": "assistant", "content": TARGET}]).split(TARGET)
        if len(asked) != 2 or len(answered) != 2:
            raise ValueError(Errors.M972.format(reason="its chat template does not contain each turn exactly once"))
        # Source and target are tokenized by themselves, so that "<|im_end|>" within a text does not end it.
        before, between, after = encode(tokenizer, [*asked, answered[1]], add_special_tokens=False)["input_ids"]
        end = after[0] if after and after[0] in tokenizer.all_special_ids else None
        return cls(before, between, end)


def _rendered(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], **options: Any) -> str:
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, **options)
    except Exception as err:
        raise ValueError(Errors.M972.format(reason=reason_of(err))) from err
