"""What the converters share: reading plain or gzipped text, made-up moments, writing CSV."""
import csv
import datetime
import gzip
import io
import pathlib
import sys

EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)


def lines(path, encoding="utf-8"):
    """Lines of a text file, plain or gzipped, without their ends. Blank lines are left out."""
    path = pathlib.Path(path)
    raw = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    with raw, io.TextIOWrapper(raw, encoding=encoding, newline=None) as text:
        for line in text:
            line = line.rstrip("\r\n")
            if line.strip():
                yield line


def table(path, encoding="utf-8", delimiter=","):
    """Rows of a CSV file with a header, as dictionaries."""
    return csv.DictReader(lines(path, encoding), delimiter=delimiter)


def either(folder, *names):
    """The first of `names` that lies in `folder`."""
    for name in names:
        path = pathlib.Path(folder) / name
        if path.exists():
            return path
    sys.exit(f"{folder}: none of {', '.join(names)} is there; give the folder that holds the data set")


def text_time(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def made_up_time(place, step=datetime.timedelta(minutes=1)):
    """The time of the event at `place` of a sequence that states its order but no times: 2000-01-01 and on."""
    return text_time(EPOCH + place * step)


def unix_time(seconds):
    return text_time(datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc))


class Writer:
    """Writes rows of named columns to standard output; columns not given stay empty."""

    def __init__(self, *columns):
        self._rows = csv.DictWriter(sys.stdout, ["customer", "item", "type", "time", "value", *columns],
                                    restval="", lineterminator="\n")
        self._rows.writeheader()

    def row(self, **cells):
        # A column that is called "item.category" in the file is given as item__category.
        self._rows.writerow({name.replace("__", "."): cell for name, cell in cells.items()})


def run(convert):
    """Calls convert(folder or file) with the one argument of the command line."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PATH > events.csv\n\n{sys.modules['__main__'].__doc__}")
    try:
        convert(sys.argv[1])
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
