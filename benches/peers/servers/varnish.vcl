# Varnish as it comes: what the origin says about caching holds.
vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "9300"; }
