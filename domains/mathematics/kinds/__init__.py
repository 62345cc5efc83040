"""Every kind of word problem, in one table, by grade."""

from domains.mathematics.kinds import grade_1, grade_2, grade_3, grade_4, grade_5, grade_6
from domains.mathematics.problem import ProblemKind

KINDS: tuple[ProblemKind, ...] = (
    *grade_1.KINDS,
    *grade_2.KINDS,
    *grade_3.KINDS,
    *grade_4.KINDS,
    *grade_5.KINDS,
    *grade_6.KINDS,
)
