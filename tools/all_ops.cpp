#include <algorithm>

#include "nn/ops.h"
#include "pe/ops.h"
#include "tools/commands.h"

namespace gradus {

std::vector<const OpDef*> all_ops() {
  std::vector<const OpDef*> list;
  for (const auto table : {autograd_ops(), nn_ops(), pe_ops()})
    list.insert(list.end(), table.begin(), table.end());
  std::sort(list.begin(), list.end(),
            [](const OpDef* a, const OpDef* b) { return a->name < b->name; });
  return list;
}

}  // namespace gradus
