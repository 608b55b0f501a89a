from dataclasses import dataclass, field

@dataclass(frozen=True)
class Report:
    ok: bool
    text: str
    misconceptions: list[str] = field(default_factory=list)
    bare: str = ""

    def unnamed(self) -> Report: ...
