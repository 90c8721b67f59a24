"""Html: values as HTML, for pages and for notebooks; names of objects that may hold anything are shown harmlessly."""
