"""What personal numbers, dates and places look like in Chinese text, and how they differ from the numbers of medicine.

Each kind is certain only with its check digit, its shape or its label; doses, dates, laboratory values, ICD codes,
prices and approval numbers are not personal data.
"""

from data_recipes.steps.personal_accounts import ACCOUNTS
from data_recipes.steps.personal_dates import DATES
from data_recipes.steps.personal_numbers import NUMBERS, PAPERS
from data_recipes.steps.personal_places import PLACES

PATTERNS = (*NUMBERS, *DATES, *PAPERS, *PLACES, *ACCOUNTS)
"""In search order."""

NUMERIC = frozenset(
    (
        "insurance_number",
        "file_number",
        "bed",
        "bank_card",
        "qq",
        "passport",
        "plate",
        "account",
        "network_address",
        "last_digits",
    )
)
"""The kinds of which every value has a digit."""
