// How jemalloc, which replaces glibc's allocator in the program, is set up.

// Read by jemalloc before main (jemalloc(3), "TUNING"); MALLOC_CONF in the environment goes before
// it. Two arenas for 64 threads on few cores, small caches for each thread, unused pages returned
// after half a second: 10 MB less than its defaults at the same speed (scripts/bench).
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "narenas:2,tcache_max:1024,dirty_decay_ms:500,muzzy_decay_ms:0";
}
