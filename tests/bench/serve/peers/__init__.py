"""Reference servers, as their documentation says to write them."""
