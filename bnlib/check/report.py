"""What a reader is told."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """The verdict on an answer: `ok`, ids of `misconceptions`, and as text what is wrong."""

    ok: bool
    text: str
    misconceptions: list = field(default_factory=list)

    def __repr__(self):
        return self.text
