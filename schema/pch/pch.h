// Precompiled for every library: parsing these again in each file was half of a build's time.
// Nothing relies on it: each file includes what it uses, and builds with -Db_pch=false too.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
