"""What is claimed about AAT-SGD, and the machine-checked proofs.

>>> from theory import claims
>>> claims["R1"].prove().proved
True
>>> claims["R1"].bound
D**2/(2*T*eta) + G**2*eta/2
>>> claims["R1"].tuning.rate
D*G/sqrt(T)
"""

from theory.claim import Claim, Metric, Rate
from theory.ledger import Row, claims, ledger
from theory.proof import Checked, check

__all__ = ["Checked", "Claim", "Metric", "Rate", "Row", "check", "claims", "ledger"]
