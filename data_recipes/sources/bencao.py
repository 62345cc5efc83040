from data_recipes.rows import Rows
def read(source: object, data: object) -> Rows:
    raise NotImplementedError
