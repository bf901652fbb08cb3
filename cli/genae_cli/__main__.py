"""python -m genae_cli"""

from genae_cli.main import main

main()
