"""The app from a checkout: `streamlit run app.py`."""

from latent_explorer.app import main

main()
