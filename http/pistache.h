// Pistache's headers, without their macro TRY, which is another one than ours.
#pragma once

#pragma push_macro("TRY")
#undef TRY
#include <pistache/listener.h>
#include <pistache/peer.h>
#include <pistache/tcp.h>
#include <pistache/transport.h>
#pragma pop_macro("TRY")
