"""What do its units see? Network dissection: units against pixel-wise masks of concepts.

Source: Bau, Zhou, Khosla, Oliva, Torralba, "Network Dissection", CVPR 2017.
"""

from aat.concepts.annotated import Annotated, Category
from aat.concepts.tally import LIMIT, Concept, Match, Tally, Unit

__all__ = ["LIMIT", "Annotated", "Category", "Concept", "Match", "Tally", "Unit"]
