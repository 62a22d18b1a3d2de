"""What people do with the pages, and what other sites try, in the browsers that people use."""
