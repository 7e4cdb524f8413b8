"""Steps of a whole pipeline against torch's AdamW with parameter groups and clip_grad_norm_: a shared tok2vec,
`spert_mt` and `mre_textcat`."""

import numpy
import pytest
import spacy
import torch

from spacy_mre.training.optimizer import make_adamw

ENCODER = {
    "@architectures": "spacy_mre.Tok2VecEncoder.v1",
    "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "*"},
}
RATES = {"heads": 0.02, "layers": 0.005}
DECAY = 0.1


def shared_pipeline(examples_of, tok2vec):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": tok2vec})
    nlp.add_pipe(
        "spert_mt", config={"model": {"@architectures": "spacy_mre.SpertMT.v1", "encoder": ENCODER, "dropout": 0.0}}
    )
    nlp.add_pipe(
        "mre_textcat", config={"model": {"@architectures": "spacy_mre.TextCat.v1", "encoder": ENCODER, "dropout": 0.0}}
    )
    examples = examples_of(nlp)
    for i, eg in enumerate(examples):
        eg.reference.cats = {"even": float(i % 2 == 0), "odd": float(i % 2 == 1)}
    nlp.initialize(lambda: examples)
    return nlp, examples


def weights_and_gradients(nlp):
    """By key and name: of Thinc's nodes, and of the torch modules in their shims."""
    found = {}
    for _, pipe in nlp.components:
        for node in pipe.model.walk():
            for name in node.param_names:
                if node.has_param(name) and node.has_grad(name):
                    found[node.id, name] = (numpy.array(node.get_param(name)), numpy.array(node.get_grad(name)))
            for shim in node.shims:
                for name, weight in shim._model.named_parameters():
                    if weight.grad is not None:
                        found[shim.id, name] = (weight.detach().numpy().copy(), weight.grad.numpy().copy())
    return found


@pytest.mark.parametrize("grad_clip", [0.05, 1e6], ids=["clipped", "not clipped"])
def test_steps_of_a_pipeline_are_those_of_torch(examples_of, tok2vec, grad_clip):
    nlp, examples = shared_pipeline(examples_of, tok2vec)
    optimizer = make_adamw(
        1.0, head_learn_rate=RATES["heads"], layer_learn_rate=RATES["layers"], L2=DECAY, grad_clip=grad_clip
    )
    parameters, reference = {}, None
    for step in range(4):
        nlp.update(examples, sgd=False)
        before = weights_and_gradients(nlp)
        if reference is None:
            parameters = {key: torch.nn.Parameter(torch.tensor(weights)) for key, (weights, _) in before.items()}
            groups = []
            for (_, name), parameter in parameters.items():
                is_decayed = parameter.ndim > 1 and name not in ("b", "G")
                rate = RATES["heads" if name.startswith("heads.") else "layers"]
                groups.append({"params": [parameter], "lr": rate, "weight_decay": DECAY if is_decayed else 0.0})
            reference = torch.optim.AdamW(groups)
            assert {name.split(".")[0] for _, name in parameters} >= {"heads", "E", "W", "b"}
        for key, (_, gradient) in before.items():
            parameters[key].grad = torch.tensor(gradient)
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), grad_clip)
        assert (norm > grad_clip) == (grad_clip < 1)
        reference.step()
        for _, pipe in nlp.components:
            pipe.finish_update(optimizer)
        optimizer.step_schedules()
        nlp.update(examples, sgd=False)  # for the gradients to be there again
        after = weights_and_gradients(nlp)
        for key, parameter in parameters.items():
            assert numpy.allclose(after[key][0], parameter.detach().numpy(), atol=1e-6), (step, key)
        for _, pipe in nlp.components:  # and away, without a step
            forget_gradients(pipe)


def forget_gradients(pipe):
    for node in pipe.model.walk():
        for name in node.param_names:
            if node.has_grad(name):
                node.set_grad(name, numpy.zeros_like(node.get_grad(name)))
        for shim in node.shims:
            for weight in shim._model.parameters():
                weight.grad = None
