"""`python -m mallsense` is the `mallsense` command."""

from mallsense.cli import main

if __name__ == "__main__":
    main()
