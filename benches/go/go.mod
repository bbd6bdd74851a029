module hotcache/peers

go 1.24
