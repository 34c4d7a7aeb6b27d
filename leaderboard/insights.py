"""Pages over all tables: figures, correlations, and the paper's questions."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard import links
from leaderboard.content import Content
from leaderboard.drawings import Drawing, board_drawings, heat, score_drawings
from leaderboard.matrices import Twin, agreements, board_matrices
from leaderboard.page import Page
from leaderboard.questions import QUESTIONS, answers, check_statements


def insight_pages(content: Content) -> Iterator[Page]:
    """The three pages, and every figure in them as a file."""
    drawn = [(board, board_drawings(content, board)) for board in content.boards]
    yield Page("figures.html", "figures.html.j2", {"boards": [(board, some) for board, some in drawn if some]})
    for board, some in drawn:
        yield from map(drawing_page, [*score_drawings(content, board), *some])
    yield from _correlation_pages(content)
    yield Page(
        "questions.html",
        "questions.html.j2",
        {
            "questions": QUESTIONS,
            "statements": check_statements(content),
            "boards": [found for board in content.boards if (found := answers(content, board))],
        },
    )


def _correlation_pages(content: Content) -> Iterator[Page]:
    boards = []
    for board in content.boards:
        if board.repeats:
            continue
        found = board_matrices(content, board)
        kinds: dict[str, list[tuple[Twin, Drawing, Drawing | None]]] = {}
        for twin in found.twins:
            whole, models = _heat_maps(board.board.slug, twin)
            kinds.setdefault(twin.whole.kind, []).append((twin, whole, models))
            yield from (drawing_page(drawing) for drawing in (whole, models) if drawing)
        if kinds or found.without:
            boards.append({"board": board.board, "kinds": kinds, "without": found.without})
    values = {"boards": boards, "agreements": agreements(content, content.catalogue.measured_name)}
    yield Page("correlations.html", "correlations.html.j2", values)


def _heat_maps(slug: str, twin: Twin) -> tuple[Drawing, Drawing | None]:
    return heat(slug, twin.whole), heat(slug, twin.models) if twin.models else None


def drawing_page(drawing: Drawing) -> Page:
    """A figure as a file."""
    return Page(links.drawing_file(drawing.name), "drawing.svg.j2", {"drawing": drawing})
