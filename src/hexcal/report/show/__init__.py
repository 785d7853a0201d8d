"""Pictures of products: `hexcal show`. What is drawn of which model stands in `views`; matplotlib does the drawing."""
