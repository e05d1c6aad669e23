"""Turn a network into an AAT network: replace its classifier, keep its weights."""

from torch import nn

from aat.checks import SmoothingName
from aat.errors import InputError
from aat.layer import AATLinear
from aat.typed import typed


@typed
def convert(
    model: nn.Module,
    k: int,
    smoothing: SmoothingName | None = None,
    mu: float | None = None,
    name: str | None = None,
) -> nn.Module:
    """Replace the classifier of `model` by an AATLinear, in place, and return the model.

    The classifier is the module called `name` (a dotted path as in model.named_modules()) or, without a name,
    the last nn.Linear in the order of registration, which is where classification networks have it. An
    AATLinear counts: it is replaced with the new k, smoothing and mu. A model that is itself an nn.Linear
    comes back as an AATLinear.

    The parameters are the same objects afterwards, so optimisers, tied weights and a state_dict stay valid;
    hooks on the replaced module itself stay with that module. Raises InputError, with the model untouched,
    when there is no nn.Linear, when `name` is not one, and for a wrong k (1 <= k <= features), smoothing
    or mu.

    >>> convert(nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)), k=2)[-1]
    AATLinear(in_features=6, out_features=3, bias=True, k=2, backend=...)
    """
    classifier = classifier_of(model) if name is None else _linear_called(name, model)
    head = AATLinear.from_linear(classifier, k, smoothing, mu)
    if classifier is model:
        return head
    # A module may be registered under several names: it stays one module.
    for path, module in list(model.named_modules(remove_duplicate=False)):
        if module is classifier:
            model.set_submodule(path, head)
    return model


def classifier_of(model: nn.Module) -> nn.Linear:
    """The last nn.Linear in the order of registration; InputError if there is none."""
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linears:
        raise InputError(f"{type(model).__name__} has no nn.Linear; expected a classifier; try name=... or add one")
    return linears[-1]


def _linear_called(name: str, model: nn.Module) -> nn.Linear:
    modules = dict(model.named_modules(remove_duplicate=False))
    module = modules.get(name)
    if isinstance(module, nn.Linear):
        return module
    given = f"name = {name!r} is {'no module' if module is None else f'a {type(module).__name__}'}"
    names = [path for path, candidate in modules.items() if isinstance(candidate, nn.Linear)]
    raise InputError(f"{given}; expected an nn.Linear; try {f'name={names[-1]!r}' if names else 'another model'}")
