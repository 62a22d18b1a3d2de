"""How long a generated app is."""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping

_SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> int:
    """Count the lines of a Python file that are neither blank, nor comment, nor docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines.difference(_docstrings(ast.parse(text))))


def _docstrings(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant(value=str())) as first, *_])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str())) as first, *_])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())) as first, *_])
                | ast.AsyncFunctionDef(
                    body=[ast.Expr(value=ast.Constant(value=str())) as first, *_]
                )
            ):
                yield from range(first.lineno, (first.end_lineno or first.lineno) + 1)


def app_sizes(texts: Mapping[str, str]) -> dict[str, int]:
    """Return the code lines of each Python file in app/ that has some. texts: a project's files."""
    counts = {
        file: code_lines(text)
        for file, text in texts.items()
        if file.startswith("app/") and file.endswith(".py")
    }
    return {file: count for file, count in counts.items() if count}
